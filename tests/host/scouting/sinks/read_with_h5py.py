"""Prints path, type, shape and sum of every column of an HDF5 file as h5py reads it: read_with_h5py.py FILE [live]."""

import sys

import h5py
import numpy as np

live = len(sys.argv) > 2
with h5py.File(sys.argv[1], "r", libver="latest" if live else None, swmr=live) as file:

    def show(path, item):
        if isinstance(item, h5py.Dataset):
            print(path, item.dtype.str, ",".join(map(str, item.shape)), np.sum(item[...], dtype=np.int64))

    file.visititems(show)
    print("run", file.attrs["run"])
    print("configuration", len(file.attrs["configuration"]))
