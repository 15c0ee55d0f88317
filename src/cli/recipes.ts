/** `selfsame recipes`: the settings there are to start from, and where each number comes from. */
import { Argument, Command } from 'commander'
import { loadRecipe, recipeNames, resolveConfig } from '../train/recipes.js'
import { jsonOption, printResult } from './options.js'
import { table } from './table.js'

export const recipesCommand = new Command('recipes')
  .description('List the recipes, or print one: its source and every setting that a run with it has.')
  .addArgument(new Argument('[name]', 'a recipe, with its folder: cifar10/simclr'))
  .addOption(jsonOption())
  .action((name: string | undefined, { json }: { json?: boolean }) => {
    if (name === undefined) listRecipes(json)
    else showRecipe(name, json)
  })

function listRecipes(json: boolean | undefined): void {
  const recipes = recipeNames().map(name => {
    const { note, source } = loadRecipe(name, '', '')
    return { name, method: resolveConfig({}, name).method, note, source }
  })
  printResult({ recipes }, json, () =>
    table(
      [['recipe', 'what it is'], ...recipes.map(({ name, note }) => [name, firstSentence(note)])],
      ['left', 'left'],
    ),
  )
}

function showRecipe(name: string, json: boolean | undefined): void {
  const { source, note } = loadRecipe(name, '', '')
  const config = resolveConfig({}, name)
  printResult({ name, source, note, config }, json, () =>
    [`${name}: ${note}`, `Source: ${source}`, '', JSON.stringify(config, null, 2)].join('\n'),
  )
}

const LONGEST = 90

/** Up to the first full stop or colon, and no longer than a line. */
function firstSentence(note: string): string {
  const sentence = /^.*?[.:;](?=\s|$)/.exec(note)?.[0].slice(0, -1) ?? note
  return sentence.length > LONGEST ? `${sentence.slice(0, sentence.lastIndexOf(' ', LONGEST))} …` : sentence
}
