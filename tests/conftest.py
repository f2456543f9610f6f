import os

import matplotlib
from hypothesis import settings

# The same examples on every run and on every machine, however slow it is.
settings.register_profile("course", derandomize=True, deadline=None, database=None)
settings.load_profile("course")

# Figures are drawn without a window.
matplotlib.use("Agg")

# Stored outputs are those of the bundled data; the kernels that run the notebooks inherit this.
os.environ["FCN_COURSE_PROFILE"] = "mini"
