"""A dask scheduler with a worker, as a process of its own that can be killed.

python cluster_child.py [CA CERT KEY]
"""

from __future__ import annotations

import sys
import time

from distributed import LocalCluster
from distributed.security import Security

if __name__ == "__main__":
    security = None
    if len(sys.argv) > 1:
        ca, cert, key = sys.argv[1:]
        roles = {
            f"tls_{role}_{part}": path
            for role in ("scheduler", "worker", "client")
            for part, path in (("cert", cert), ("key", key))
        }
        security = Security(tls_ca_file=ca, require_encryption=True, **roles)
    # as a thread of this process: it ends with it
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tls://" if security else "tcp://",
        security=security,
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        time.sleep(300)
