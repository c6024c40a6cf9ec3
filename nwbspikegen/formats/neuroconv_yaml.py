"""Our interfaces by name in NeuroConv's YAML files."""

from __future__ import annotations


def offer_to_neuroconv() -> list[str]:
    """Let the YAML files of NeuroConv name our interfaces, and return their names.

    `neuroconv.run_conversion_from_yaml` looks for interfaces in `neuroconv.datainterfaces` and nowhere
    else. Of a session's `source_data`, it takes `file_path` and `folder_path` as relative to the data
    folder; write other paths (`session_path`, `path`, `recording`) in full.

    Raises
    ------
    RuntimeError
        NeuroConv has another interface of one of these names.

    Examples
    --------
    >>> sorted(offer_to_neuroconv())[:2]
    ['ASDFInterface', 'IBLInterface']
    >>> import neuroconv.datainterfaces
    >>> neuroconv.datainterfaces.ASDFInterface.display_name
    'ASDF sorting'
    """
    import neuroconv.datainterfaces as known

    from nwbspikegen import formats

    # a sorting in memory has no place in a file
    bases = ("SourceInterface", "SortingInterface")
    names = [name for name in formats.__all__ if name.endswith("Interface") and name not in bases]
    for name in names:
        ours = getattr(formats, name)
        if getattr(known, name, ours) is not ours:
            raise RuntimeError(f"NeuroConv has an interface {name} of its own")
        setattr(known, name, ours)
    return names
