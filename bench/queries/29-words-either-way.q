gradient or (hidden layer)
