export {
  type ByteTransform,
  checkIdentities,
  checkRecipients,
  decrypt,
  decryptIfEncrypted,
  encrypt,
  generateKey,
  isEncrypted,
  type KeyPair,
  parseKeys,
} from "./age.ts";
export { ArchiveError, type ArchiveErrorCode } from "./archive-error.ts";
export { decodeRow, decodeRowText, encodeRow } from "./copy-fields.ts";
export { inPieces } from "./in-pieces.ts";
export type {
  ArchiveSnapshot,
  Manifest,
  ManifestColumn,
  ManifestDdlFile,
  ManifestPart,
  ManifestTable,
  TenantRecord,
} from "./manifest.ts";
export { formatName, formatVersion } from "./manifest.ts";
export { type CopyText, type OpenArchive, openArchive } from "./open-archive.ts";
export { type ArchiveAmongSeveral, readSeveral, type SeveralEvent, writeSeveral } from "./several.ts";
export { maxRowBytes, splitRows } from "./split-rows.ts";
export { stateDigest } from "./state-digest.ts";
export { encodeTarHeader, paddingAfter, type TarHeader, trailerBytes } from "./tar-header.ts";
export { beThrifty } from "./thrift.ts";
export {
  type KeyOptions,
  type VerifiedArchive,
  type VerifyOptions,
  verifyArchive,
  verifyStored,
} from "./verify-archive.ts";
export {
  type ArchiveSource,
  archiveBytes,
  type TableDescription,
  type TableFacts,
  type TableSource,
  writeArchive,
} from "./write-archive.ts";
