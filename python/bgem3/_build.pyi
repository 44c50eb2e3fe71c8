# Written by CMake.
torch_version: str  # of the LibTorch that this build was made with
