/** The calls of servicenow-rest-api 1.2.2 that the tests make; the package ships no types. */
declare module 'servicenow-rest-api' {
  type Callback = (answer: unknown) => void;

  class ServiceNow {
    constructor(instance: string, userName: string, password: string);
    Authenticate(): void;
    setNetworkOptions(options: Record<string, unknown>): void;
    getSampleData(table: string, callback: Callback): void;
    getTableData(fields: string[], filters: string[], table: string, callback: Callback): void;
    createNewTask(data: Record<string, string>, table: string, callback: Callback): void;
    getSysId(table: string, number: string, callback: Callback): void;
    UpdateTask(table: string, number: string, data: Record<string, string>, callback: Callback): void;
    DeleteTask(table: string, number: string, callback: Callback): void;
    getChangeTasks(table: string, number: string, callback: Callback): void;
    getAttachmentMetaData(sysId: string, callback: Callback): void;
    getAllAttachmentsMetaData(tableSysId: string, callback: Callback): void;
    getAttachment(sysId: string, callback: Callback): void;
  }

  export = ServiceNow;
}
