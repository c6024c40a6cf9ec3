"""Figures of classes and feature families."""
