"""Your theme: what this theme is about, in one sentence."""

from helpers.kpis.your_theme.cards import your_theme
from helpers.kpis.your_theme.tables import your_theme_list
