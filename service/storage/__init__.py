"""MongoDB: the only package that imports a driver. One file per noun."""
