"""The test world of PROP (art. 17): nothing in it binds anybody."""
