# Stands in for the public python, nginx and redis images where no image registry can be reached.
ARG BASE
FROM ${BASE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates curl nginx-light python3 python3-venv redis-server \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*
