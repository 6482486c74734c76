is:scene | sample 1% seed 3
