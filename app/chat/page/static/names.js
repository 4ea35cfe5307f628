// What Gradio leaves to a reader of screens, said so that it fits what is seen.
window.versamammoNames = () => {
  // a name of its own hides the words on the button
  document.querySelectorAll('.upload-container[aria-label]').forEach((one) => {
    one.removeAttribute('aria-label');
  });
  document.querySelectorAll('.edit-textarea:not([aria-label])').forEach((one) => {
    one.setAttribute('aria-label', 'Change the question');
  });
  document.querySelectorAll('div.empty[aria-label]:not([role])').forEach((one) => {
    one.setAttribute('role', 'img');
  });
};
