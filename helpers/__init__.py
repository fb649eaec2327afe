"""The calculations, the pictures and the pack of a quarterly KPI review.

Four wings stand in the order that data takes: ``data``, ``kpis``, ``display``, ``pack``.
Each imports only what stands to its left and the ground floor (the modules beside this file).
"""
