complexity:intermediate..advanced updaters>=1
