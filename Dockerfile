# stellar-peers as an image: one file of JavaScript on a Node without a shell or a package manager. Where there is a container
# engine; `make image` alone makes the same image without one. What is in it is listed in scripts/image/, and pinned there:
#   make image && docker build -t registry.example.org/stellar-peers:0.1.0 .
FROM scratch
ARG TARGETARCH=amd64
COPY dist/image-root/${TARGETARCH}/ /
WORKDIR /app
USER 65532:65532
# A review makes some 50 KB of garbage: in 4 MiB of room it stays near the processor. Of a limit of 256 MiB Node would give
# all to the heap, and the kernel would end the process before Node collects what is garbage.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "--max-old-space-size-percentage=50", "dist/stellar-peers.mjs"]
CMD ["run"]
