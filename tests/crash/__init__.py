"""The crash matrix: the real service, killed (-9) at each step that others could see, and compared with a run that
nobody disturbed. `python -m tests.crash` runs it whole, `test_matrix.py` a part of it.
"""
