/** The addresses of a release. All follow from the address of the repository, which is a setting of the release. Pure. */

export interface Published {
  /** Such as `https://github.com/OWNER/NAME`. */
  readonly repository: string;
  /** Where the pages of docs/ of this version are. */
  readonly documents: string;
  /** Folder of the release's files. */
  readonly files: string;
  /** The image that manifests and chart name; undefined for the name in the sources. */
  readonly image: string | undefined;
}

/** True for an address of a repository, from which the other addresses follow. */
export const isRepository = (address: string): boolean =>
  /^https:\/\/[^/\s]+\/[^/\s]+\/[^/\s]+$/.test(address);

/** True for an image name with a tag or a digest. */
export const isImage = (image: string): boolean =>
  /^([\w.-]+(:\d+)?\/)?[a-z0-9._/-]+(:[\w.-]+|(:[\w.-]+)?@sha256:[0-9a-f]{64})$/.test(image);

/** The sentence about an image name that is not valid. */
export const imageProblem = (image: string): string =>
  `IMAGE is "${image}"; it takes one like registry.example.com/stellar-peers:0.1.0, or with @sha256:… in place of the tag.`;

/** The addresses of a version. */
export const publishedAt = (repository: string, version: string, image?: string): Published => ({
  repository,
  documents: `${repository}/blob/v${version}/docs`,
  files: `${repository}/releases/download/v${version}`,
  image,
});

/** A rules file or dashboard whose links lead to the documents of the release. */
export const withLinks = (text: string, { documents }: Published): string =>
  text
    .replaceAll('runbook_url: docs/', `runbook_url: ${documents}/`)
    .replaceAll('https://git.example.com/stellar-peers/blob/main/docs', documents);
