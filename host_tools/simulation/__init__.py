"""A whole body-worn-camera system in one process, on virtual time, from one seed.

Law: real firmware, real link sessions, real controller, real custody; replaced are the event loop, the cable, the media
(memory that can lose power), the encoder, the physics a fleet does not need, and the destination's far end. Nothing
here reads a clock, opens a file or a socket, starts a thread or draws randomness that is not the seed's.
"""
