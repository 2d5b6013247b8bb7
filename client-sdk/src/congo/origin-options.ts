import { DrcError, isOriginWish, siteNamePattern, type OriginWish } from '@drc/protocol';

/**
 * For tasks whose target is written to by others too, and captured itself: what came from the target must not go back to it. Each target
 * transaction is marked with the site where its changes were made first.
 */
export interface OriginOptions extends OriginWish {
  /** The source's site: 1 to 28 small letters, digits and underscores. Transactions that carry another's mark keep that. */
  readonly mark: string;
  /**
   * The topic of the target, of the same hub: at start a mark is written, and must come out of it before the first row goes. Takes the right to
   * read `congo_task` there. Default: none; marks are then not looked for.
   */
  readonly targetTopic?: string;
}

/** What the task reads of its topic. @throws DrcError `CONFIG_INVALID`. */
export function originWishOf({ mark, include, exclude }: OriginOptions): OriginWish {
  if (!siteNamePattern.test(mark))
    throw invalid(`origin.mark: '${mark}' is no name of 1 to 28 small letters, digits or underscores.`);
  const wish = { ...(include !== undefined && { include }), ...(exclude !== undefined && { exclude }) };
  if (!isOriginWish(wish))
    throw invalid(
      'origin: either `exclude`, with the target’s site and those that reach the target by themselves, or `include`; 1 to 100 names of sites.',
    );
  return wish;
}

const invalid = (message: string): DrcError => new DrcError('CONFIG_INVALID', message);
