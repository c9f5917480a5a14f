"""A Ray cluster of three small nodes on this machine, in a process of its own.

python tests/cluster/nodes.py
-> its address; each line on stdin kills a node, the end of stdin the rest
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

MEMORY_BYTES = 80_000_000


def main() -> None:
    """Start the nodes, kill one for each line, and end with stdin."""
    cluster = Cluster()
    try:
        cluster.add_node(num_cpus=2, object_store_memory=MEMORY_BYTES, include_dashboard=False)
        nodes = [cluster.add_node(num_cpus=2, object_store_memory=MEMORY_BYTES) for _ in range(2)]
        print(cluster.address, flush=True)
        for _ in sys.stdin:
            cluster.remove_node(nodes.pop(), allow_graceful=False)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
