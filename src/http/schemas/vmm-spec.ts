/**
 * A VMM's virtual hardware. This agent acts on none of it; it is checked because the original
 * refuses what does not fit, and kept as it was sent.
 */
import { listOf, nullable, uint8, uint32, uint64, uuid } from "./basic.ts";

/** A closed object: an unknown field is refused, as the original does for these types. */
function closed<const P extends Record<string, object>, const R extends readonly (keyof P & string)[]>(
  title: string,
  properties: P,
  required: R,
) {
  return { title, type: "object", properties, required, additionalProperties: false } as const;
}

const string = { type: "string" } as const;
const boolean = { type: "boolean" } as const;

const pciPath = {
  title: "PciPath",
  type: "object",
  properties: { bus: uint8, device: uint8, function: uint8 },
  required: ["bus", "device", "function"],
} as const;

const specKey = { title: "SpecKey", description: "A UUID or a name", type: "string" } as const;

const disk = { backend_id: specKey, pci_path: pciPath } as const;
const onPci = (title: string) => closed(title, { pci_path: pciPath }, ["pci_path"]);
const vnic = (title: string) => closed(title, { vnic_name: string }, ["vnic_name"]);

/** Every component by its tag. */
const COMPONENTS = {
  virtio_disk: closed("VirtioDisk", disk, ["backend_id", "pci_path"]),
  nvme_disk: closed("NvmeDisk", { ...disk, has_write_cache: boolean, serial_number: listOf(uint8) }, [
    "backend_id",
    "pci_path",
    "has_write_cache",
    "serial_number",
  ]),
  virtio_nic: closed("VirtioNic", { ...disk, interface_id: uuid }, ["backend_id", "pci_path", "interface_id"]),
  virtio_socket: closed("VirtioSocket", { guest_cid: uint64, pci_path: pciPath }, ["guest_cid", "pci_path"]),
  serial_port: closed(
    "SerialPort",
    { num: { title: "SerialPortNumber", type: "string", enum: ["com1", "com2", "com3", "com4"] } },
    ["num"],
  ),
  pci_pci_bridge: closed("PciPciBridge", { downstream_bus: uint8, pci_path: pciPath }, ["downstream_bus", "pci_path"]),
  qemu_pvpanic: closed("QemuPvpanic", { enable_isa: boolean }, ["enable_isa"]),
  boot_settings: closed(
    "BootSettings",
    {
      order: listOf({
        title: "BootOrderEntry",
        type: "object",
        properties: { id: specKey },
        required: ["id"],
      }),
    },
    ["order"],
  ),
  soft_npu_pci_port: onPci("SoftNpuPciPort"),
  soft_npu_port: closed("SoftNpuPort", { backend_id: specKey, link_name: string }, ["backend_id", "link_name"]),
  soft_npu_p9: onPci("SoftNpuP9"),
  p9fs: closed("P9fs", { chunk_size: uint32, pci_path: pciPath, source: string, target: string }, [
    "chunk_size",
    "pci_path",
    "source",
    "target",
  ]),
  migration_failure_injector: closed("MigrationFailureInjector", { fail_exports: uint32, fail_imports: uint32 }, [
    "fail_exports",
    "fail_imports",
  ]),
  crucible_storage_backend: closed("CrucibleStorageBackend", { readonly: boolean, request_json: string }, [
    "readonly",
    "request_json",
  ]),
  file_storage_backend: closed(
    "FileStorageBackend",
    { block_size: uint32, path: string, readonly: boolean, workers: nullable({ ...uint64, minimum: 1 }) },
    ["block_size", "path", "readonly"],
  ),
  blob_storage_backend: closed("BlobStorageBackend", { base64: string, readonly: boolean }, ["base64", "readonly"]),
  virtio_network_backend: vnic("VirtioNetworkBackend"),
  dlpi_network_backend: vnic("DlpiNetworkBackend"),
} as const;

const component = {
  title: "Component",
  type: "object",
  discriminator: { propertyName: "type" },
  required: ["type"],
  oneOf: Object.entries(COMPONENTS).map(([tag, schema]) => ({
    properties: { type: { const: tag }, component: schema },
    required: ["type", "component"],
    additionalProperties: false,
  })),
} as const;

const chipset = {
  title: "Chipset",
  type: "object",
  properties: {
    type: { const: "i440_fx" },
    value: closed("I440Fx", { enable_pcie: boolean }, ["enable_pcie"]),
  },
  required: ["type", "value"],
  additionalProperties: false,
} as const;

const cpuidEntry = closed(
  "CpuidEntry",
  { leaf: uint32, subleaf: nullable(uint32), eax: uint32, ebx: uint32, ecx: uint32, edx: uint32 },
  ["leaf", "eax", "ebx", "ecx", "edx"],
);

const cpuid = closed(
  "Cpuid",
  { entries: listOf(cpuidEntry), vendor: { title: "CpuidVendor", type: "string", enum: ["amd", "intel"] } },
  ["entries", "vendor"],
);

const hypervisorInterface = {
  title: "GuestHypervisorInterface",
  type: "object",
  discriminator: { propertyName: "type" },
  required: ["type"],
  oneOf: [
    { properties: { type: { const: "bhyve" } }, required: ["type"], additionalProperties: false },
    {
      properties: {
        type: { const: "hyper_v" },
        value: {
          type: "object",
          properties: {
            features: listOf({ title: "HyperVFeatureFlag", type: "string", enum: ["reference_tsc"] }),
          },
          required: ["features"],
          additionalProperties: false,
        },
      },
      required: ["type", "value"],
      additionalProperties: false,
    },
  ],
} as const;

export const vmmSpec = {
  title: "VmmSpec",
  type: "object",
  properties: {
    board: closed(
      "Board",
      {
        chipset,
        cpuid: nullable(cpuid),
        cpus: uint8,
        guest_hv_interface: hypervisorInterface,
        memory_mb: uint64,
      },
      ["chipset", "cpus", "memory_mb"],
    ),
    components: { type: "object", additionalProperties: component },
    smbios: nullable(
      closed(
        "SmbiosType1Input",
        { manufacturer: string, product_name: string, serial_number: string, version: uint64 },
        ["manufacturer", "product_name", "serial_number", "version"],
      ),
    ),
  },
  required: ["board", "components"],
} as const;
