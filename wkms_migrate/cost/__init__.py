"""What the system costs a month, before and after: pure arithmetic over dated prices, quantities and scenarios.

`inputs.load` reads the files, `estimate.estimate` prices one scenario, `compare.compare` sets two side by side.
No figure is a float, none comes from the network, and a price that is not known is never taken for 0.
"""
