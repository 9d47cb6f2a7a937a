"""Speed, scale and quality, each against a peer in the same run; run one by `python -m benchmarks.NAME`."""
