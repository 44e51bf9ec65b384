"""A job manager: runs jobs of a fixed list in processes of their own, for whoever connects.

    limpet serve examples.jobs:Jobs         jobs may read the folder this is started in
    python -m examples.jobs FOLDER          jobs may read FOLDER

Look at ``manager.py`` for what a service is (two plain classes, one decorator), at
``process.py`` for how a job is run and ended, at ``work.py`` for the jobs.
``examples/demo.py`` is a client.
"""

from __future__ import annotations

from examples.jobs.manager import Job, Jobs

__all__ = ["Job", "Jobs"]
