import mocha from 'mocha'

/** Mocha's own `spec`, and after it the line `N passed, N failed`, which .ci/run ends with. */
export default class Reporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once('end', () => console.log(`${this.stats.passes} passed, ${this.stats.failures} failed`))
  }
}
