"""From events to notices: routed by a table, grouped into one digest a person and channel, repeats silenced."""
