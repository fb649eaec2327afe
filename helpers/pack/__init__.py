"""Notebooks -> executed notebooks -> the pack."""

import sys

# jsonschema, which nbformat needs, compiles a grammar of web addresses as soon as it finds this package. That takes
# longer than all other imports of a build together, and no notebook has an address to be checked by it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
