import type { DataDocument } from '../../store/data-file.ts';
import { idOf } from './identify.ts';
import { userNames } from './people.ts';

const laptops = 24;
const servers = 8;

const serverRoles = ['web', 'app', 'db', 'mail'] as const;

/** The name of a demo laptop. */
export const laptopName = (at: number) => `NWL-${String(at + 1).padStart(4, '0')}`;
/** The name of a demo server. */
export const serverName = (at: number) =>
  `${serverRoles[at % serverRoles.length]}-osl-0${Math.floor(at / 4) + 1}`;

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

export const cmdbRows: DataDocument = {
  cmdb_ci: ['Payroll', 'Customer portal', 'Warehouse scanner gateway'].map((name) => ({
    sys_id: idOf('cmdb_ci', name),
    name,
    short_description: `${name} application`,
    category: 'Application',
  })),
  cmdb_ci_computer: numbers(laptops).map((at) => ({
    sys_id: idOf('cmdb_ci', laptopName(at)),
    name: laptopName(at),
    asset_tag: `P1000${String(at + 100)}`,
    serial_number: `KH${String(700_421 + at * 37)}`,
    manufacturer: idOf('core_company', 'Kite Hardware'),
    assigned_to: idOf('sys_user', userNames[at % userNames.length] ?? ''),
    os: at % 3 === 0 ? 'Linux Ubuntu' : 'Windows 11',
    ram: at % 2 === 0 ? 16_384 : 32_768,
    cpu_count: 1,
    disk_space: 512,
    cost: 1199.5 + at * 10,
    install_date: `2024-0${(at % 9) + 1}-15 08:00:00`,
    warranty_expiration: `2027-0${(at % 9) + 1}-15`,
  })),
  cmdb_ci_server: numbers(servers).map((at) => ({
    sys_id: idOf('cmdb_ci', serverName(at)),
    name: serverName(at),
    host_name: serverName(at),
    fqdn: `${serverName(at)}.nordwind.example.com`,
    ip_address: `10.20.30.${at + 11}`,
    os: 'Linux Red Hat',
    ram: 65_536,
    cpu_count: 8,
    disk_space: 2048,
    virtual: at % 2 === 1,
    classification: at < 6 ? 'Production' : 'Development',
    location: idOf('cmn_location', 'Oslo Office'),
  })),
};
