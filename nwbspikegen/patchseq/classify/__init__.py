"""From features to classes: sparse PCA, forest, vote, BiLSTM, and their scores."""
