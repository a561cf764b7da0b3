"""Hand-written deal passages and the pages that they are planted in, to see what the relevance gate loses."""
