"""The methods that come with restobench, each a package of its own."""
