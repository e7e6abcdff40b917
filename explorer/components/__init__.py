"""The browser components: one folder each, with its script, its style and its typed wrapper."""

from explorer.components.bookmarks import bookmarks
from explorer.components.browser_storage import browser_storage
from explorer.components.connection import connection
from explorer.components.decoded_image import decoded_image
from explorer.components.draw_canvas import draw_canvas
from explorer.components.epoch_film import epoch_film
from explorer.components.history import history
from explorer.components.image_input import image_input
from explorer.components.introduction import introduction
from explorer.components.latent_map import Marked, Neighbours, Plane, latent_map
from explorer.components.latent_sliders import Axis, latent_sliders
from explorer.components.lesson import lesson
from explorer.components.model_table import Cell, Column, ModelRow, model_table
from explorer.components.picture_grid import Row, Tile, picture_grid
from explorer.components.picture_row import Picture, picture_row
from explorer.components.repair_board import BoardAnswer, Damaged, repair_board
from explorer.components.typicality import typicality
from explorer.components.walk_player import Strip, walk_player
from explorer.components.wrapping import BackgroundMap, Live

__all__ = [
    "Axis",
    "BackgroundMap",
    "BoardAnswer",
    "Cell",
    "Column",
    "Damaged",
    "Live",
    "Marked",
    "ModelRow",
    "Neighbours",
    "Picture",
    "Plane",
    "Row",
    "Strip",
    "Tile",
    "bookmarks",
    "browser_storage",
    "connection",
    "decoded_image",
    "draw_canvas",
    "epoch_film",
    "history",
    "image_input",
    "introduction",
    "latent_map",
    "latent_sliders",
    "lesson",
    "model_table",
    "picture_grid",
    "picture_row",
    "repair_board",
    "typicality",
    "walk_player",
]
