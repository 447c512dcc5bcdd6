"""Writes the golden files: golden.py DIRECTORY. The tests do it with -update."""

import sys

import numpy as np
from numpy.lib import format as npy

VALUES = {
    "f8": [0.1, -0.0, 1.7976931348623157e308, 5e-324, 3.0, -2.5],
    "f4": [0.1, -0.0, 3.4028235e38, 1e-45, 3.0, -2.5],
    "i8": [-(2**63), 2**63 - 1, 0, -1, 2, 9007199254740993],
    "i4": [-(2**31), 2**31 - 1, 0, -1, 2, 3],
    "u1": [0, 255, 1, 2, 3, 128],
    "b1": [True, False, False, True, True, True],
}


def write(name, array, version=(1, 0)):
    with open(f"{sys.argv[1]}/{name}.npy", "wb") as f:
        npy.write_array(f, array, version=version, allow_pickle=False)


for kind, values in VALUES.items():
    for order in "CF":
        array = np.array(values, dtype=kind).reshape(2, 3).copy(order=order)
        for version in 1, 2, 3:
            write(f"{kind}-{order}-v{version}", array, (version, 0))
        if array.itemsize > 1:
            write(f"{kind}-{order}-big", array.astype(array.dtype.newbyteorder(">"), order=order))

write("scalar", np.array(7, dtype="i8"))
write("empty", np.zeros((3, 0, 2), dtype="f8"))
write("vector", np.arange(5, dtype="i4"))
write("rank8", np.arange(4, dtype="u1").reshape(1, 2, 1, 1, 2, 1, 1, 1).copy(order="F"))
