"""From images to aligned faces: detection, alignment, the face store."""
