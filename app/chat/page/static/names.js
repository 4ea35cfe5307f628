// What Gradio leaves to a reader of screens, said so that it fits what is seen.
window.versamammoNames = () => {
  // a name of its own hides the words on the button
  document.querySelectorAll('.upload-container[aria-label]').forEach((one) => {
    one.removeAttribute('aria-label');
  });
  document.querySelectorAll('.edit-textarea:not([aria-label])').forEach((one) => {
    one.setAttribute('aria-label', 'Change the question');
  });
  // who says aloud what is written on a button must be understood
  document.querySelectorAll('#vm-lightbox button[aria-label]').forEach((one) => {
    const [seen, said] = [one.textContent.trim(), one.getAttribute('aria-label')];
    if (/\w/.test(seen) && !said.toLowerCase().includes(seen.toLowerCase())) {
      one.setAttribute('aria-label', `${seen}: ${said}`);
    }
  });
  document.querySelectorAll('div.empty[aria-label]:not([role])').forEach((one) => {
    one.setAttribute('role', 'img');
  });
};
