# stellar-peers as an image: one file of JavaScript on a Node without a shell or a package manager.
#
# Both bases can be pinned by digest where the image is built, which a source tree cannot do for you:
#   docker build --build-arg BASE=gcr.io/distroless/nodejs24-debian12@sha256:… -t registry.example.org/stellar-peers:0.1.0 .
ARG BUILD=docker.io/library/node:24.12.0-bookworm
ARG BASE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${BUILD} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# By the lock file and its integrity sums; nothing that is downloaded may run anything.
RUN ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
COPY . .
RUN ["npm", "run", "bundle"]
RUN ["node", "scripts/sbom.ts"]

FROM ${BASE}
WORKDIR /app
COPY --from=build /src/LICENSE ./
COPY --from=build /src/dist/stellar-peers.mjs /src/dist/stellar-peers.mjs.map ./dist/
COPY --from=build /src/dist/stellar-peers.cdx.json /src/dist/licences.txt ./dist/
USER 65532:65532
# A review makes some 50 KB of garbage: in 4 MiB of room it stays near the processor. Of a limit of 256 MiB Node would give
# all to the heap, and the kernel would end the process before Node collects what is garbage.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "--max-old-space-size-percentage=50", "dist/stellar-peers.mjs"]
CMD ["run"]
