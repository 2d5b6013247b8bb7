#!/usr/bin/env python3
"""Prints the rows of a DRC topic, one JSON object a line, by Python's standard library alone (3.9 or newer):
reader.py MANAGER TOPIC [earliest | latest [CHECKPOINT-FILE [TABLE ...]]]
The key of a client comes from DRC_MACHINE_KEY, or a token from DRC_TOKEN. With a checkpoint file, which is saved behind each transaction,
it goes on where it was. Written from docs/protocol.md; the numbers in the comments are its sections."""
import base64, json, os, pathlib, re, socket, ssl, struct, sys, time, urllib.error, urllib.parse, urllib.request, zlib
WINDOW = 1 << 20
KINDS = {1: 'insert', 2: 'update', 3: 'delete', 5: 'sequence'}
COME_BACK = {'TICKET_EXPIRED', 'STORE_DRAINING', 'STORE_UNAVAILABLE', 'RATE_LIMITED', 'WRONG_STORE'}  # a grown-up client renews its ticket

def ask_manager(manager, topic, start):  # 1
    key = os.environ.get('DRC_MACHINE_KEY') or os.environ.get('DRC_TOKEN') or sys.exit('DRC_MACHINE_KEY is not set.')
    wanted = 'checkpoint:' + start['checkpoint'] if 'checkpoint' in start else start['kind']
    address = '%s/v1/topics/%s/stores' % (manager.rstrip('/'), urllib.parse.quote(topic, safe=''))
    head = {'authorization': 'Bearer ' + key, 'content-type': 'application/json'}
    request = urllib.request.Request(address, json.dumps({'from': wanted}).encode(), head)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)

class Connection:  # 2 and 3, over a WebSocket (RFC 6455)
    def __init__(self, address, topic, ticket):
        url = urllib.parse.urlsplit(address)
        self.socket = socket.create_connection((url.hostname, url.port), timeout=45)
        if url.scheme == 'wss':
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=url.hostname)
        self.file = self.socket.makefile('rb')
        head = ['GET /v1/stream/%s HTTP/1.1' % urllib.parse.quote(topic, safe=''), 'Host: ' + url.netloc, 'Connection: Upgrade',
                'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Authorization: Bearer ' + ticket,
                'Sec-WebSocket-Key: ' + base64.b64encode(os.urandom(16)).decode(), '', '']
        self.socket.sendall('\r\n'.join(head).encode())
        status = self.file.readline()
        if b' 101 ' not in status:
            raise ConnectionError('The store refuses: ' + status.decode(errors='replace'))
        while self.file.readline().strip():
            pass
    def take(self, count):
        data = self.file.read(count)
        if len(data) < count:
            raise ConnectionError('The connection ended.')
        return data
    def send(self, opcode, payload):
        mask = os.urandom(4)
        size = struct.pack('>B', 0x80 | len(payload)) if len(payload) < 126 else struct.pack('>BH', 0xfe, len(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + bytes(byte ^ mask[index & 3] for index, byte in enumerate(payload)))
    def tell(self, message):
        payload = pack(message)
        self.send(2, b'\x01' + struct.pack('<I', zlib.crc32(b'\x01' + payload)) + payload)
    def frame(self):  # its kind, payload and whole length; pings are answered meanwhile
        while True:
            opcode, length = self.take(2)
            if length > 125:
                length = struct.unpack('>H' if length == 126 else '>Q', self.take(2 if length == 126 else 8))[0]
            payload = self.take(length)
            if opcode == 0x89:
                self.send(10, payload)
            elif opcode == 0x88:
                raise ConnectionError('The store ended the session. ' + payload[2:].decode(errors='replace'))
            elif opcode == 0x82:
                if struct.unpack_from('<I', payload, 1)[0] != zlib.crc32(payload[:1] + payload[5:]):
                    raise ConnectionError('FRAME_CORRUPT')
                return payload[0], payload[5:], length

def pack(value):  # 4: what a client sends are maps of few entries, lists, texts and counts
    if isinstance(value, dict):
        return bytes([0x80 | len(value)]) + b''.join(pack(key) + pack(item) for key, item in value.items())
    if isinstance(value, list):
        return b'\xdc' + struct.pack('>H', len(value)) + b''.join(map(pack, value))
    text = value.encode() if isinstance(value, str) else None
    return b'\xcf' + struct.pack('>Q', value) if text is None else b'\xdb' + struct.pack('>I', len(text)) + text
NUMBERS = {0xca: '>f', 0xcb: '>d', 0xcc: '>B', 0xcd: '>H', 0xce: '>I', 0xcf: '>Q', 0xd0: '>b', 0xd1: '>h', 0xd2: '>i', 0xd3: '>q'}
SIZES = {0xc4: '>B', 0xc5: '>H', 0xc6: '>I', 0xd9: '>B', 0xda: '>H', 0xdb: '>I', 0xdc: '>H', 0xdd: '>I', 0xde: '>H', 0xdf: '>I'}

def unpack(data, at):  # one msgpack value, and where it ends
    token, at = data[at], at + 1
    if token < 0x80 or token >= 0xe0:
        return (token if token < 0x80 else token - 0x100), at
    if token in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[token], at
    if token in NUMBERS:
        return struct.unpack_from(NUMBERS[token], data, at)[0], at + struct.calcsize(NUMBERS[token])
    size = token & (0x1f if token >= 0xa0 else 0x0f)
    if token in SIZES:
        size, at = struct.unpack_from(SIZES[token], data, at)[0], at + struct.calcsize(SIZES[token])
    if 0xa0 <= token < 0xdc:
        return (data[at:at + size] if 0xc4 <= token <= 0xc6 else data[at:at + size].decode()), at + size
    is_map, items = token < 0x90 or token in (0xde, 0xdf), []
    for _ in range(2 * size if is_map else size):
        item, at = unpack(data, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if is_map else items), at

class TransactionSet:  # 8: the id of a transaction is a set, too
    def __init__(self):
        self.newest, self.intervals = {}, {}
    def add(self, text):
        for part in filter(None, re.split(r'\s*,\s*', text.strip())):
            place = re.fullmatch(r'(.*)\.(\d+):(\d+)', part) if '/' in part else None
            if place or ':' not in part:
                key = place.group(1) if place else part.split('-')[0]
                rank = (int(place.group(2)), int(place.group(3))) if place else (int(part.split('-')[2]),)
                self.newest[key] = max(self.newest.get(key, (rank, part)), (rank, part))
                continue
            uuid, *sections = re.split(r'\s*:\s*', part.lower())
            for section in sections:
                first, _, last = section.partition('-')
                if not first.isdigit():  # a tag
                    uuid, first, last = uuid.split(':')[0] + ':' + section, 0, -1
                merged = []
                for low, high in sorted(self.intervals.get(uuid, []) + [(int(first), int(last or first))]):
                    if merged and low <= merged[-1][1] + 1:
                        low, high = merged[-1][0], max(high, merged.pop()[1])
                    merged += [(low, high)] if low <= high else []
                self.intervals[uuid] = merged
    def checkpoint(self, topic):
        parts = [part for _, part in self.newest.values()]
        parts += ['%s:%d-%d' % (uuid, *interval) for uuid, intervals in self.intervals.items() for interval in intervals]
        text = b'\x01' + json.dumps({'topic': topic, 'set': ','.join(parts)}).encode()
        return base64.urlsafe_b64encode(text[:1] + struct.pack('<I', zlib.crc32(text)) + text[1:]).rstrip(b'=').decode()

def rows_of(data, kind, flags, at, table):  # 6 and 7
    columns, count = table['columns'], struct.unpack_from('<I', data, at + 16)[0]
    names, at = [side for side in ('before', 'after') if side != {1: 'before', 3: 'after', 5: 'before'}.get(kind)], at + 20
    present = {name: [True] * len(columns) for name in names}
    for name in names if flags & 4 else []:
        present[name] = [data[at + index // 8] >> index % 8 & 1 for index in range(len(columns))]
        at += (len(columns) + 7) // 8
    for _ in range(count):
        row = {'kind': KINDS[kind], 'table': '%s.%s' % (table['schema'], table['table'])}
        for name in names:
            row[name], at = {}, at + 1
            for column in (column for column, is_there in zip(columns, present[name]) if is_there):
                value, at = unpack(data, at)
                is_exact = column['type'] != 'bigint' or value is None
                row[name][column['name']] = base64.b64encode(value).decode() if isinstance(value, bytes) else value if is_exact else str(value)
        yield row

def read(manager, topic, start, tables, attempt):
    place = ask_manager(manager, topic, start)
    if not place['stores']:
        raise ConnectionError('No store has the topic now.')
    store = Connection(place['stores'][attempt % len(place['stores'])]['address'], topic, place['ticket'])
    store.tell({'type': 'hello', 'versions': [1], 'client': 'examples/python', 'topic': topic})
    store.tell({'type': 'subscribe', 'from': start, 'tables': tables, 'operations': [], 'credit': WINDOW})
    done, versions, stream, taken, lines = TransactionSet(), {}, bytearray(), 0, []
    while True:
        kind, payload, length = store.frame()
        if kind == 1:
            message = unpack(payload, 0)[0]
            if message['type'] == 'error':
                raise (ConnectionError if message['code'] in COME_BACK else SystemExit)(message['code'] + ': ' + message['message'])
            if message['type'] == 'subscribed':
                done.add(message['set'])
                yield done.checkpoint(topic)
            continue
        stream, taken = stream + payload, taken + length
        if taken >= WINDOW // 4:
            store.tell({'type': 'credit', 'bytes': taken})
            taken = 0
        while len(stream) > 4 and len(stream) >= (end := 4 + struct.unpack_from('<I', stream)[0]):  # 5
            record = bytes(stream[4:end])
            del stream[:end]
            if record[0] == 2:
                versions[record[1:17]] = json.loads(record[17:])
            elif record[0] == 3:
                done.add(unpack(record, 1)[0]['set'])
            else:  # 6
                at = 33 + struct.unpack_from('<H', record, 31)[0]
                transaction, at = record[33:at].decode(), at + 2 + struct.unpack_from('<H', record, at)[0]
                while at < len(record):
                    part, flags, size = struct.unpack_from('<BBI', record, at)
                    if part in KINDS:
                        lines += rows_of(record, part, flags, at + 6, versions[record[at + 6:at + 22]])
                    at += 6 + size
                if record[2] & 1:  # its last chunk; what has no last one is forgotten, and comes again
                    print(''.join(json.dumps({'transaction': transaction, **line}) + '\n' for line in lines), end='', flush=True)
                    lines = []
                    done.add(transaction)
                    yield done.checkpoint(topic)

def main(manager, topic, start='latest', checkpoint_file=None, *tables):
    start, attempt, file = {'kind': start}, 0, checkpoint_file and pathlib.Path(checkpoint_file)
    if file and file.exists():
        start = {'kind': 'checkpoint', 'checkpoint': file.read_text()}
    while True:
        try:
            for checkpoint in read(manager, topic, start, list(tables), attempt):
                start, attempt = {'kind': 'checkpoint', 'checkpoint': checkpoint}, 0
                if file:
                    (new := file.with_name(file.name + '.new')).write_text(checkpoint)
                    new.replace(file)
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                sys.exit('The manager says: ' + error.read().decode(errors='replace'))
            print(error, file=sys.stderr)
            attempt += 1
            time.sleep(min(30, 0.2 * 2 ** attempt))
try: main(*sys.argv[1:]) if len(sys.argv) > 2 else sys.exit(__doc__)
except KeyboardInterrupt: sys.exit(130)
