"""Plans of repair: scripts that give records the category that people judged to be right."""

# In the folder of reports.
FOLDER = "repairs"
