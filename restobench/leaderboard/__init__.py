"""Tables made of runs. Never imports torch and never meets a picture."""
