# One image for every place: the pinned llama.cpp, the locked Python, the stages. `make image` builds it.
#
# ACCELERATOR=cpu with another base builds the same without a GPU's libraries. It builds with BuildKit and with buildah:
# no here-documents, no COPY --link. The bases are tags, unpinned until you pass name@sha256:...; what they were is in
# the labels. Pip's configuration may come as the build secret `pip`. Never build where a GPU is visible.
ARG BASE_BUILD="docker.io/nvidia/cuda:13.0.2-devel-ubuntu24.04"
ARG BASE_RUNTIME="docker.io/nvidia/cuda:13.0.2-base-ubuntu24.04"
ARG ACCELERATOR="cuda"
ARG CUDA_ARCHITECTURES="75-real;80-real;86-real;89-real;90-real;100-real;120"
ARG REQUIREMENTS="requirements/cuda.txt"
ARG CPU_VARIANTS="all"
ARG JOBS=""

FROM ${BASE_BUILD} AS tools
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates cmake g++ ninja-build python3 python3-dev python3-pip python3-venv \
 && rm -rf /var/lib/apt/lists/*
# What a build may keep between builds; it stays in the build's stages.
ENV KIWAME_CACHE=/cache PIP_CACHE_DIR=/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# First of all, since the wrong index shows here: a PyTorch for CUDA is none for an image without a GPU. In one RUN with the
# check: no cache knows the index, a secret, so what a wrong one gave must not be kept.
FROM tools AS packages
ARG ACCELERATOR
ARG REQUIREMENTS
COPY requirements/ requirements/
RUN --mount=type=secret,id=pip \
    export PIP_CONFIG_FILE=/run/secrets/pip \
 && python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --require-hashes -r requirements/image.txt \
 && for file in $REQUIREMENTS; do set -- "$@" -r "$file"; done \
 && if [ "$ACCELERATOR" = cuda ]; then set -- "$@" --require-hashes; fi \
 && /opt/venv/bin/pip install --no-build-isolation "$@" \
 && /opt/venv/bin/pip uninstall -y cmake ninja \
 && if [ "$ACCELERATOR" = cpu ] && ls /opt/venv/lib/python3*/site-packages | grep -i '^nvidia_.*[.]dist-info$'; then \
      echo "pip installed a PyTorch for CUDA: name an index of CPU builds, PIP_EXTRA_INDEX_URL=..., or ACCELERATOR=cuda" >&2; \
      exit 1; \
    fi

FROM tools AS llama
ARG ACCELERATOR
ARG CUDA_ARCHITECTURES
ARG CPU_VARIANTS
ARG JOBS
COPY vendor/llama.cpp/PIN vendor/llama.cpp/build.py vendor/llama.cpp/binding.py \
     vendor/llama.cpp/variants.py ./
RUN --mount=type=secret,id=pip \
    if [ "$ACCELERATOR" = cuda ]; then set -- --cuda "$CUDA_ARCHITECTURES"; fi \
 && PIP_CONFIG_FILE=/run/secrets/pip python3 build.py --portable --variants "$CPU_VARIANTS" ${JOBS:+--jobs "$JOBS"} --out /opt/llama.cpp "$@"

FROM packages AS python
# The binding of that llama.cpp. Unsloth's wheel brings an application of its own (studio, AGPL) that nothing here uses,
# PyTorch's, pandas' and SciPy's their own tests.
COPY --from=llama /opt/llama.cpp/python wheel
RUN /opt/venv/bin/pip install --no-deps --no-index wheel/*.whl \
 && /opt/venv/bin/pip uninstall -y pip \
 && cd /opt/venv/lib/python3*/site-packages && rm -rf studio torch/test pandas/tests scipy/*/tests

FROM tools AS project
ARG REVISION="unknown"
WORKDIR /opt/kiwame
COPY LICENSE README.md ./
COPY requirements/ requirements/
COPY conf/ conf/
COPY data/ data/
COPY vendor/llama.cpp/PIN vendor/llama.cpp/
COPY --from=llama /opt/llama.cpp vendor/llama.cpp/build
COPY jobs/ jobs/
# `runs`, the default of run.folder, is on the volume. Readable for whoever the container runs as.
RUN echo "$REVISION" > REVISION && ln -s /workspace/runs runs && mkdir docs \
 && python3 -m compileall -q jobs && chmod -R a+rX,go-w .

FROM ${BASE_RUNTIME}
ARG BASE_BUILD
ARG BASE_BUILD_DIGEST="unknown"
ARG BASE_RUNTIME
ARG BASE_RUNTIME_DIGEST="unknown"
ARG ACCELERATOR
ARG REQUIREMENTS
# gcc and the headers are for kernels that Triton and PyTorch compile at their first use.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates g++ libgomp1 libpython3-dev python3 tini \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY --from=python /opt/venv /opt/venv
COPY --from=project /opt/kiwame /opt/kiwame
ENV PATH=/opt/venv/bin:/opt/kiwame/vendor/llama.cpp/build/bin:$PATH \
    PYTHONPATH=/opt/kiwame PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOME=/tmp USER=kiwame XDG_CACHE_HOME=/workspace/cache HF_HOME=/workspace/cache/huggingface \
    TRITON_CACHE_DIR=/workspace/cache/triton TORCHINDUCTOR_CACHE_DIR=/workspace/cache/inductor
# cuBLAS comes with PyTorch's wheels; llama.cpp finds it there. Everybody may write to /workspace and /tmp, nowhere else.
RUN for folder in /opt/venv/lib/python3*/site-packages/nvidia/cu[0-9]*/lib; do [ ! -d "$folder" ] || echo "$folder"; done \
      > /etc/ld.so.conf.d/kiwame.conf && ldconfig && install -d -m 1777 /workspace \
 && python -m jobs.launch.container.licences > /opt/kiwame/docs/licences.md
WORKDIR /opt/kiwame
USER 10001:10001
RUN python -m jobs.launch.container.image_check "$ACCELERATOR" $REQUIREMENTS
ENTRYPOINT ["/usr/bin/tini", "--", "python", "-m", "jobs.launch.inside.entry"]
CMD ["help"]
ARG REVISION="unknown"
ARG VERSION="unknown"
ARG SOURCES="unknown"
LABEL org.opencontainers.image.title="kiwame" \
      org.opencontainers.image.description="Fine-tune Qwen3 and get a GGUF that is proven to be the model that was trained" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_RUNTIME}" \
      org.opencontainers.image.base.digest="${BASE_RUNTIME_DIGEST}" \
      kiwame.base.build.name="${BASE_BUILD}" \
      kiwame.base.build.digest="${BASE_BUILD_DIGEST}" \
      kiwame.accelerator="${ACCELERATOR}" \
      kiwame.sources="${SOURCES}" \
      kiwame.licences="/opt/kiwame/docs/licences.md; Apache-2.0 is our own code's alone"
