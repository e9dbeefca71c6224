"""Commands of the program, one a file: `add` declares the arguments and what runs them."""
