complexity>basic has:instruction | sample 100 seed 7
