/** What a source is created with where nothing else matters. */
export const SURROUNDINGS = {
  instance: "plant-1",
  name: undefined,
  share: undefined,
  takesOver: false,
  stateDir: "/nowhere",
  endsWhenRead: false,
};
