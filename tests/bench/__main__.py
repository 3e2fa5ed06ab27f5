"""`make bench`: the benchmarks that stand alone, in turn; the exit status is 1 if any misses what it wants."""

from tests.bench import graphql_throughput, list_rebuild, pki_throughput

raise SystemExit(max(bench.main() for bench in (graphql_throughput, pki_throughput, list_rebuild)))
