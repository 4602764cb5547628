"""Images of files: in folders, arrays or tables; converted and resized by declaration, refused by name otherwise."""

from harness.reading.image_arrays import Layout as Layout
from harness.reading.image_decoding import Background as Background
from harness.reading.image_decoding import Conversion as Conversion
from harness.reading.image_decoding import Damaged as Damaged
from harness.reading.image_decoding import Fit as Fit
from harness.reading.image_decoding import Mode as Mode
from harness.reading.image_decoding import Orientation as Orientation
from harness.reading.image_decoding import Undeclared as Undeclared
from harness.reading.image_files import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from harness.reading.image_files import files_below as files_below
from harness.reading.image_files import is_left as is_left
from harness.reading.image_resizing import Pixels as Pixels
from harness.reading.image_resizing import Resize as Resize
from harness.reading.image_resizing import resized as resized
from harness.reading.stored_images import ImageReading as ImageReading
from harness.reading.stored_images import StoredImages as StoredImages
from harness.reading.stored_images import images_of_table as images_of_table
from harness.reading.stored_images import stored_images as stored_images
