@trainable
