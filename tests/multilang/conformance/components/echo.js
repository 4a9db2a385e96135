// An echo and a spout on Storm's storm.js: node echo.js FOLDER bolt|spout; FOLDER has storm.js.
const storm = require(process.argv[2] + '/storm.js');

class Echo extends storm.BasicBolt {
    process(tup, done) {
        if (tup.isTickTuple()) {
            return done();
        }
        if (tup.values.length === 1 && tup.values[0] === 'raise') {
            return done(new Error('as told'));
        }
        this.emit({tuple: tup.values, anchorTupleId: tup.id}, () => done());
    }
}

class Numbers extends storm.Spout {
    constructor() {
        super();
        this.count = 0;
    }

    nextTuple(done) {
        this.count += 1;
        this.emit({tuple: [this.count], id: this.count}, () => done());
    }

    ack(id, done) { done(); }
    fail(id, done) { done(); }
    activate(done) { done(); }
    deactivate(done) { done(); }
}

const kinds = {bolt: () => new Echo(), spout: () => new Numbers()};
kinds[process.argv[3]]().run();
