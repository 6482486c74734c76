instruction:"number line" -code:axes
