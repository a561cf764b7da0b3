"""The commands of the command line, by subject; `pipeline.py` names them and loads each when it is asked for."""
