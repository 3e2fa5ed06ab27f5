"""`make bench`: every benchmark, one after another; the exit status is 1 if any misses what it wants."""

from tests.bench import graphql_throughput

raise SystemExit(graphql_throughput.main())
