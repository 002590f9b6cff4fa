"""Right RIOs with their numbers."""

#: `01PEROY4P4TR` is the inter-operator specification's own example; the other numbers are Arcep's, kept for fiction.
VALID = [
    ("01PEROY4P4TR", "0612345678"),
    ("01E4K7P2QEM3", "0639980001"),
    ("56P123456A8U", "0639980005"),
    ("01PABC123+BX", "0639983999"),
    ("01PABC123SE+", "0639980048"),
    ("01EM2M001MNF", "07001234567890"),
]
